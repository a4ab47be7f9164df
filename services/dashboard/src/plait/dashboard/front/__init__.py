"""The door before Streamlit: who may come in, and what a page may load."""
