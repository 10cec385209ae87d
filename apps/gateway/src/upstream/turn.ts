/**
 * Work put off to the end of the current turn: events that may not fire inside the call that caused them, and the one
 * gathered write of everything a turn produced. One list for the whole process, so that a turn costs one tick however many
 * exchanges it touched.
 */

/** Something with work left for the end of the turn. */
export interface TurnTask {
  runTurn(): void;
}

let tasks: TurnTask[] = [];
let spare: TurnTask[] = [];
let scheduled = false;

/** Runs `task.runTurn()` once the current callback has returned. A task guards itself against being listed twice. */
export function atTurnEnd(task: TurnTask): void {
  tasks.push(task);
  if (!scheduled) {
    scheduled = true;
    process.nextTick(run);
  }
}

function run(): void {
  const due = tasks;
  tasks = spare;
  scheduled = false;
  let done = 0;
  try {
    while (done < due.length) due[done++]!.runTurn();
  } finally {
    // A task that threw must not take the others with it: they run in the next tick, the error goes its own way.
    for (; done < due.length; done++) atTurnEnd(due[done]!);
    due.length = 0;
    spare = due;
  }
}
