package com.example;

import java.util.List;
import java.util.concurrent.*;
import static java.lang.Math.max;

/**
 * An account.
 */
@Entity
@Table(name = "accounts")
public class Account extends Base implements Comparable<Account> {
    public static final int LIMIT = 10;
    private int balance, pending;

    public Account(int balance) {
        this.balance = balance;
    }

    /** Adds money. */
    @Override
    public int deposit(final int amount, String... notes) throws IllegalArgumentException {
        return balance += amount;
    }

    interface Listener {
        void changed(int balance);
    }

    enum Kind {
        A, B;

        int code() { return ordinal(); }
    }
}

record Point(int x, int y) {
    Point {
        if (x < 0) throw new IllegalArgumentException();
    }
}
