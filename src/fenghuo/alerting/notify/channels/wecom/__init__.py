"""WeCom (企业微信): robots of groups, and applications that tell members."""
