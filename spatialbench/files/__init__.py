"""Reading and writing safely: bounded documents, images, downloads, hashes, text as it is shown."""
