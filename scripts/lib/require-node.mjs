// Imported first, so that an old Node gets this sentence and not a syntax error of a later module.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Glassway needs Node 20.19 or newer; this is Node ${process.versions.node}.`);
  process.exit(1);
}
