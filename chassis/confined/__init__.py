"""Reading what strangers send in processes of its own, under limits of the kernel."""
