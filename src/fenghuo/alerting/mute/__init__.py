"""What keeps an alert from being told although it is routed: inhibition, silences and times of day.

Pure functions over alerts and a moment. Muting never touches the alert itself: it stays visible, and is told as
soon as nothing mutes it any more.
"""
