"""Alerts that other programs report: Grafana, Zabbix, Alertmanager, Aliyun, and whatever can POST JSON.

In comes a message in the sender's own form at ``/api/fenghuo/intake/<name>``, out go alerts of ours. Each kind is a
file with one pure function from a parsed message to :class:`report.Reports`; :mod:`registry` names it. What is wrong
with one alert of a message spoils no other: the good ones are taken, and the answer names the field of the bad one and
what to do.

A sender says when something begins and when it is over, and seldom anything between: what fires does so until it is
said to be over, or is not heard of for as long as ``expires`` says. Being over is told by identity (:mod:`standing`),
so that it fits what began although a severity has changed meanwhile.
"""
