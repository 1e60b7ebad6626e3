import unittest

from bank.account import Account, InsufficientFunds
from bank.statement import lines


class AccountTest(unittest.TestCase):
    def test_movements(self):
        account = Account("Kim", 10)
        account.deposit(5)
        account.withdraw(12)
        self.assertEqual(account.balance, 3)
        self.assertEqual(lines(account), ["+5", "-12"])

    def test_too_much(self):
        with self.assertRaises(InsufficientFunds):
            Account("Kim", 1).withdraw(2)
