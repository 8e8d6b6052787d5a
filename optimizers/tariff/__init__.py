"""What a customer pays the grid company: energy prices by interval and monthly bills, from dated tariff files.

Pure: `tariff_book()` of `shared.reference.load` reads the files and gives the TariffBook that everything here takes.
"""
