"""The pages: each reads its address, asks the query module, and draws islands. No SQL, no HTML here.

Not named `pages`: Streamlit takes a folder of that name beside the script for pages of its own.
"""
