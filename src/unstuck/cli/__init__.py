"""The commands of ``unstuck``, one file each; heavy imports wait until a command needs them."""
