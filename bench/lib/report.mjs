/** Results as a table for people and as JSON lines for programs. */

/** One measured relation to a peer. `target` null: nothing is promised. `atLeast` false: smaller is better. */
export function ratio({ row, shape, peer, value, unit, target = null, atLeast = true }) {
  const pass = target === null ? null : atLeast ? value >= target : value <= target;
  return { row, shape, peer, value: Number(value.toFixed(3)), unit, target, atLeast, pass };
}

export function print(results, figures) {
  const pad = (text, width) => String(text).padEnd(width);
  console.log(`\n${pad('row', 5)}${pad('shape', 34)}${pad('against', 16)}${pad('ratio', 10)}${pad('target', 10)}`);
  for (const { row, shape, peer, value, target, atLeast, pass } of results) {
    const goal = target === null ? '-' : `${atLeast ? '>=' : '<='} ${target}`;
    const verdict = pass === null ? '' : pass ? 'pass' : 'MISSED';
    console.log(
      `${pad(row, 5)}${pad(shape, 34)}${pad(peer, 16)}${pad(value.toFixed(2), 10)}${pad(goal, 10)}${verdict}`,
    );
  }
  console.log('\nmeasured in the same run:');
  for (const { row, shape, name, rate, cpuPerRequest } of figures) {
    const cpu = `${cpuPerRequest.toFixed(2)} us CPU/request`;
    console.log(`${pad(row, 5)}${pad(shape, 34)}${pad(name, 18)}${pad(`${Math.round(rate)} req/s`, 18)}${cpu}`);
  }
}
