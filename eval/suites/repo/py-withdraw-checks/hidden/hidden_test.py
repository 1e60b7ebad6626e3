import unittest

from bank.account import Account, InsufficientFunds


class WithdrawTest(unittest.TestCase):
    def test_bad_amounts(self):
        account = Account("Kim", 10)
        for amount in (0, -1, -100):
            with self.assertRaises(ValueError):
                account.withdraw(amount)
        self.assertEqual(account.balance, 10)
        self.assertEqual(account.history, [])

    def test_as_before(self):
        account = Account("Kim", 10)
        account.withdraw(10)
        self.assertEqual(account.balance, 0)
        self.assertEqual(account.history, [("withdraw", 10)])
        with self.assertRaises(InsufficientFunds):
            account.withdraw(1)
        with self.assertRaises(ValueError):
            account.deposit(0)
