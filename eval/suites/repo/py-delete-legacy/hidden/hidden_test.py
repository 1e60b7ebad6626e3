import os
import subprocess
import sys
import unittest

from export import to_json


class DeletedTest(unittest.TestCase):
    def test_gone(self):
        self.assertFalse(os.path.exists("legacy_export.py"))

    def test_the_rest_stays(self):
        self.assertEqual(to_json([{"a": 1}]), '{"a": 1}')
        done = subprocess.run([sys.executable, "main.py"], capture_output=True, text=True)
        self.assertEqual(done.stdout, '{"invoice": 1, "total": 9900}\n')
