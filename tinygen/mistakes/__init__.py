"""Which mistake explains these numbers?"""
