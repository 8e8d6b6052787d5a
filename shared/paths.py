"""Where the files that come with the project lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INFRA = ROOT / "infra"
DEMO_COMPLEX = INFRA / "complexes" / "demo" / "complex.yaml"
# Where the launcher keeps what it runs, a folder a deployment.
DEPLOYMENTS = ROOT / "var"
