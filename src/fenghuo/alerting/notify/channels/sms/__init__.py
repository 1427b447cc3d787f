"""Texts and calls to phones, through Aliyun, Tencent Cloud and Twilio."""
