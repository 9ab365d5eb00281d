"""What is true of licences, whatever stores or carries them."""
