"""`flask import-django`: people and their money, out of the Django API this product outgrows."""
