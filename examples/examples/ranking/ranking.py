"""What the example `ranking` does, in Python: python3 ranking.py EXPRESSION ACTIVITIES BEST

Prints the seconds that the ranking took, then the numbers of the best.
"""

import heapq
import math
import re
import sys
import time

HALF_WIDTH = 5.0

FUNCTIONS = {
    "simple_gauss": lambda x: math.exp(-((x / HALF_WIDTH) ** 2)),
    "decay_linear": lambda x: max(1 - x / HALF_WIDTH, 0.0),
    "decay_exp": lambda x: math.exp(-x / HALF_WIDTH),
    "ln": math.log,
    "sqrt": math.sqrt,
    "abs": abs,
}


class Activity:
    __slots__ = ("time", "popularity")

    def __init__(self, time, popularity):
        self.time = time
        self.popularity = popularity


def generate(count):
    state = 2463534242
    activities = []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        time = (state >> 8) / 2**24 * 10.0
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        activities.append(Activity(time, (state >> 8) / 2**24 * 1000.0))
    return activities


class Constant:
    def __init__(self, number):
        self.number = number

    def evaluate(self, activity):
        return self.number


class Field:
    def __init__(self, name):
        self.name = name

    def evaluate(self, activity):
        return getattr(activity, self.name)


class Call:
    def __init__(self, function, of):
        self.function = function
        self.of = of

    def evaluate(self, activity):
        return self.function(self.of.evaluate(activity))


class Binary:
    def __init__(self, operator, left, right):
        self.operator = operator
        self.left = left
        self.right = right

    def evaluate(self, activity):
        return self.operator(self.left.evaluate(activity), self.right.evaluate(activity))


class Parser:
    def __init__(self, text):
        self.tokens = re.findall(r"[0-9.]+|\w+|\S", text)

    def take(self, *wanted):
        if self.tokens and self.tokens[0] in wanted:
            return self.tokens.pop(0)
        return None

    def sum(self):
        left = self.product()
        while sign := self.take("+", "-"):
            add = (lambda a, b: a + b) if sign == "+" else (lambda a, b: a - b)
            left = Binary(add, left, self.product())
        return left

    def product(self):
        left = self.factor()
        while sign := self.take("*", "/"):
            multiply = (lambda a, b: a * b) if sign == "*" else (lambda a, b: a / b)
            left = Binary(multiply, left, self.factor())
        return left

    def factor(self):
        if self.take("-"):
            return Call(lambda x: -x, self.factor())
        if self.take("("):
            return self.parenthesis()
        token = self.tokens.pop(0)
        if token[0].isdigit():
            return Constant(float(token))
        if token in ("time", "popularity"):
            return Field(token)
        if self.take("("):
            return Call(FUNCTIONS[token], self.parenthesis())
        raise SyntaxError(token)

    def parenthesis(self):
        inside = self.sum()
        if not self.take(")"):
            raise SyntaxError("a closing parenthesis is missing")
        return inside


def main():
    expression, count, best = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    activities = generate(count)
    tree = Parser(expression).sum()
    begun = time.perf_counter()
    scores = [tree.evaluate(activity) for activity in activities]
    numbers = heapq.nlargest(best, range(count), key=lambda number: scores[number])
    print(time.perf_counter() - begun)
    print(*numbers)


main()
