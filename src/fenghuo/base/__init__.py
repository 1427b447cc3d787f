"""What every part of the program stands on, without a word of the monitoring domain.

Clock, lifecycle, error tree, limits, atomic files, positioned YAML. Nothing in here knows what a metric or an
alert is; nothing in here imports another package of Fenghuo.
"""
