"""The dashboard: what the plug-in shows, as web pages that are read and never write.

A request comes in with a person's rights; `reading` asks the cluster with these, the plug-in's views are made of what
came, and `pages` shows them as HTML or JSON. Nothing is kept between two requests. Start reading at `app.py`.
"""
