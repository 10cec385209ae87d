/** Results as a table for people and as JSON lines for programs. */

/** One measured relation to a peer. `target` null: nothing is promised. `atLeast` false: smaller is better. */
export function ratio({ row, shape, peer, value, unit, target = null, atLeast = true }) {
  const pass = target === null ? null : atLeast ? value >= target : value <= target;
  return { row, shape, peer, value: Number(value.toFixed(3)), unit, target, atLeast, pass };
}

export function print(results, figures) {
  const wide = (rows, key, least) => Math.max(least, ...rows.map(row => String(row[key]).length)) + 2;
  const columns = {
    row: wide([...results, ...figures], 'row', 3),
    shape: wide([...results, ...figures], 'shape', 5),
    peer: wide(results, 'peer', 7),
    name: wide(figures, 'name', 4),
  };
  const pad = (text, width) => String(text).padEnd(width);
  const head = ['row', 'shape'].map(key => pad(key, columns[key])).join('');
  console.log(`\n${head}${pad('against', columns.peer)}${pad('ratio', 10)}${pad('target', 10)}`);
  for (const { row, shape, peer, value, target, atLeast, pass } of results) {
    const goal = target === null ? '-' : `${atLeast ? '>=' : '<='} ${target}`;
    const verdict = pass === null ? '' : pass ? 'pass' : 'MISSED';
    const what = `${pad(row, columns.row)}${pad(shape, columns.shape)}${pad(peer, columns.peer)}`;
    console.log(`${what}${pad(value.toFixed(2), 10)}${pad(goal, 10)}${verdict}`);
  }
  if (figures.length === 0) return;
  console.log('\nmeasured in the same run:');
  for (const { row, shape, name, rate, cpuPerRequest } of figures) {
    const cpu = `${cpuPerRequest.toFixed(2)} us CPU/request`;
    const what = `${pad(row, columns.row)}${pad(shape, columns.shape)}${pad(name, columns.name)}`;
    console.log(`${what}${pad(`${Math.round(rate)} req/s`, 18)}${cpu}`);
  }
}
