#!/usr/bin/env bash
# Copy what the console's pages load from node_modules (first argument) to where the trading API serves it.
set -euo pipefail
modules=$1
vendor=services/trading_api/console/static/vendor
mkdir -p "$vendor"
cp "$modules/echarts/dist/echarts.min.js" "$vendor/"
touch "$vendor/complete"
