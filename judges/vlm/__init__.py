"""Judges that read text and images: any model of transformers' image-text-to-text kind."""
