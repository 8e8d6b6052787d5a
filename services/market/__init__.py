"""The market: orders into books, books into auctions. One writer per complex."""
