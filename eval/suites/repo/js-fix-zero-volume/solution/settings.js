"use strict";

const DEFAULTS = { volume: 70, speed: 1, title: "untitled" };

/** Returns the settings with defaults for what is missing. */
function withDefaults(settings) {
  return {
    volume: settings.volume ?? DEFAULTS.volume,
    speed: settings.speed ?? DEFAULTS.speed,
    title: settings.title ?? DEFAULTS.title,
  };
}

/** Returns the volume as a part of one. */
function gain(settings) {
  return withDefaults(settings).volume / 100;
}

module.exports = { DEFAULTS, gain, withDefaults };
