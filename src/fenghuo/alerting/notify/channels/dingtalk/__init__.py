"""DingTalk groups, through their custom robots."""
