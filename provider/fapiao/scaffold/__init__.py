"""A new source's distribution, made from the files in ``template``: a whole plugin for a made-up vendor called Acme."""
