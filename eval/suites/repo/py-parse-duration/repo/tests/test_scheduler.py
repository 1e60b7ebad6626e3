import unittest

from scheduler import Job, due_jobs
from timing import format_duration


class SchedulerTest(unittest.TestCase):
    def test_due_jobs(self):
        self.assertEqual(due_jobs([Job("mail", 60), Job("backup", 3600)], 100), ["mail"])

    def test_format(self):
        self.assertEqual(format_duration(3661), "1h1m1s")
