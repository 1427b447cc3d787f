"""Incidents: a group of alerts that fires opens one, people answer it, and its time line says what happened.

:mod:`machine` is the pure heart: from an incident and what was seen or done to the next one and the lines of its
time line. :mod:`book` knows the incidents that live and keeps them; :mod:`links` signs what people may do from a chat;
:mod:`document` writes post-mortems. Acknowledging stops reminders, never news: an alert that joins is always told.
"""
