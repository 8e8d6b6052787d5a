"""What delivery intervals cost everyone: settled lines, ledger entries, losses, imbalance, statements, invoices."""
