"""Methods that draw pictures from prompts: each module or folder here is one plug-in or its parts."""
