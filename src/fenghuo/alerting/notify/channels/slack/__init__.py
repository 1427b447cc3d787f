"""Slack channels, through incoming webhooks or with a bot's token."""
