/** What the process itself uses. Values of several processes are told apart by the label `worker`. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { type Family, family } from './families.ts';

/** Watches the event loop from now on; answers what to collect. `worker`: 0 in a gateway of one process. */
export function processMetrics(worker: number): { readonly families: () => Family[]; readonly stop: () => void } {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const startedAt = performance.timeOrigin / 1000;
  const labels = { worker: String(worker) };
  const one = (name: string, type: Family['type'], help: string, value: number): Family =>
    family(name, type, help, [[labels, value]]);
  return {
    stop: () => delay.disable(),
    families: () => {
      const cpu = process.cpuUsage();
      const memory = process.memoryUsage();
      const utilization = performance.eventLoopUtilization();
      const worst = Number.isFinite(delay.max) ? delay.max / 1e9 : 0;
      delay.reset();
      return [
        one('process_cpu_seconds_total', 'counter', 'Processor time used.', (cpu.user + cpu.system) / 1e6),
        one('process_resident_memory_bytes', 'gauge', 'Resident memory.', memory.rss),
        one('process_start_time_seconds', 'gauge', 'When the process started, Unix time.', startedAt),
        one('nodejs_heap_used_bytes', 'gauge', 'JavaScript heap in use.', memory.heapUsed),
        one(
          'nodejs_eventloop_active_seconds_total',
          'counter',
          'Time the event loop worked.',
          utilization.active / 1000,
        ),
        one('nodejs_eventloop_delay_max_seconds', 'gauge', 'Worst delay of the event loop since the last look.', worst),
      ];
    },
  };
}
