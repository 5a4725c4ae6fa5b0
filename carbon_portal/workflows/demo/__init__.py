"""The demo province: seeded through the real services, the same each time, safe to run twice.

Names, phone numbers and firms are made up; phones use the 139 0000 xxxx block so that nobody real is written down.
"""
