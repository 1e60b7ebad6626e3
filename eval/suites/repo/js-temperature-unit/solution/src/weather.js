/** Converts degrees Celsius to degrees Fahrenheit. */
export function toFahrenheit(celsius) {
  return (celsius * 9) / 5 + 32;
}

/** Returns one line about the weather; the temperature is in degrees Celsius. */
export function describe(city, celsius, unit = "C") {
  const degrees = unit === "F" ? toFahrenheit(celsius) : celsius;
  return `${city}: ${Math.round(degrees)} °${unit}`;
}

/** Says whether to take a jacket. */
export function needsJacket(celsius, windy = false) {
  return celsius < (windy ? 18 : 12);
}
