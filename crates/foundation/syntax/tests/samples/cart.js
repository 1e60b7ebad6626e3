'use strict';
import fs, { readFile as read, stat } from 'node:fs';
import * as path from 'path';
import './effects.js';
export { helper } from '../lib/helper.js';
const _ = require('lodash'), { map, filter: keep } = require('./list');

/**
 * The total.
 * @param {number[]} prices
 */
export const total = (prices, { tax = 0 } = {}, ...rest) =>
  prices.reduce((a, b) => a + b, tax);

// plain comment
const LIMIT = 3;
let counter = 0, other = x => x;

export default class Cart extends Base {
  static #count = 0;
  items = [];

  /** Adds. */
  add(item, n = 1) { this.items.push(item); }

  handler = async (event) => { await event; };
  get size() { return this.items.length; }
}

async function* stream(source) { yield* source; }
exports.legacy = function (a, b) { return a + b; };
Cart.prototype.clear = function () {};
export { LIMIT };
function lazy() { return import('./lazy.js').then(m => require("q")); }
