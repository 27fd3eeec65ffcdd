"""What the methods that read or replace a UNet's cross-attention share."""
