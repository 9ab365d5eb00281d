"""What is true of seals and sealed documents, whatever stores or carries them."""
