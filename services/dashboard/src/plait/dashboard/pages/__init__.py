"""The pages: each reads its address, asks the query module, and draws islands. No SQL, no HTML here."""
