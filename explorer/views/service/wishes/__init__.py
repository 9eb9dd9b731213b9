"""What the views of the inside want to come with a frame."""
