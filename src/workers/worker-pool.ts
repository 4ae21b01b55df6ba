/**
 * The main thread's end of the worker threads: one Piscina pool, one long host task and one message port for each thread,
 * short hashing tasks beside them. Nothing here sees payload.
 *
 * Hosts begin with the first message to one of them: a process that only hashes has none. No task gets an AbortSignal (an
 * aborted task's thread is killed).
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';

import { P2pError, toErrorValue, type ErrorValue } from '../errors.js';
import { MessageBatch } from './message-batch.js';
import { SharedTokenBucket } from './shared-token-bucket.js';
import type {
  CheckpointTask,
  FromWorker,
  HashTask,
  HashTaskResult,
  HostConfig,
  HostTask,
  TaskOutcome,
  ToWorker,
  WorkerTask,
} from './worker-messages.js';
import { takeThreads, type Thread, type WorkerThreads } from './worker-threads.js';

const REFILL_MS = 25;
const CLOSE_PATIENCE_MS = 1_000;
/** A thread that dies sooner than this after its start waits as long for the next: it would die again and again. */
const SHORT_LIFE_MS = 1_000;
/** The host's entry in `worker-main`. */
const HOST_TASK_NAME = 'runHost';
const MIB = 1_048_576;

export interface WorkerPoolConfig {
  readonly threads: number;
  readonly memoryMiB: number;
  readonly openFiles: number;
  readonly hashPluginUrls: readonly string[];
  readonly client: string;
  /** Local address to dial from; the system's choice when left out. */
  readonly localAddress?: string | undefined;
  readonly uploadLimitBytesPerSec: number | undefined;
  readonly downloadLimitBytesPerSec: number | undefined;
  /** Messages of a worker, in order; not replies. */
  readonly onMessage: (hostIndex: number, message: FromWorker) => void;
  /** After the last message of a batch. */
  readonly onBatchEnd: () => void;
  /** A thread died: its connections are lost, a new thread takes its place. */
  readonly onHostLost: (hostIndex: number, error: ErrorValue) => void;
}

interface Host {
  readonly port: MessagePort;
  readonly outbox: MessageBatch<ToWorker>;
  readonly ended: Promise<void>;
}

interface Waiting {
  readonly hostIndex: number;
  readonly resolve: (value: number | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** A request of the main thread without its number. */
type RequestMessage = Extract<ToWorker, { readonly requestId: number }>;
type WithoutId<Message> = Message extends unknown ? Omit<Message, 'requestId'> : never;

export class WorkerPool {
  readonly #config: WorkerPoolConfig;
  readonly #threads: WorkerThreads;
  /** None before the first message. */
  readonly #hosts: Host[] = [];
  /** Threads that were given a host. */
  readonly #hostThreads = new Set<number>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #uploadBucket = SharedTokenBucket.allocate();
  readonly #downloadBucket = SharedTokenBucket.allocate();
  #refillTimer: NodeJS.Timeout | undefined;
  #requestSerial = 0;
  #closing: Promise<void> | undefined;
  /** Hosts that wait to be started again. */
  readonly #restarts = new Map<NodeJS.Timeout, () => void>();

  constructor(config: WorkerPoolConfig) {
    this.#config = config;
    this.#threads = takeThreads(config.threads);
    this.#threads.pickThread = (taskName, threads) => this.#pickThread(taskName === HOST_TASK_NAME, threads);
    this.#startRefill();
  }

  get hostCount(): number {
    return this.#config.threads;
  }

  send(hostIndex: number, message: ToWorker): void {
    this.#startHosts();
    this.#hosts[hostIndex]?.outbox.push(message);
  }

  broadcast(message: ToWorker): void {
    this.#startHosts();
    for (const host of this.#hosts) host.outbox.push(message);
  }

  /**
   * Sends a request and waits for its reply.
   * @throws what the worker answered, or {P2P_WORKER_LOST}
   */
  request(hostIndex: number, message: WithoutId<RequestMessage>): Promise<number | undefined> {
    if (this.#closing) return Promise.reject(stopped());
    const requestId = (this.#requestSerial += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { hostIndex, resolve, reject });
      this.send(hostIndex, { ...message, requestId });
    });
  }

  /** The same request to every worker, one after the other (a disk flushes better alone). */
  async requestEach(message: WithoutId<RequestMessage>): Promise<void> {
    for (let index = 0; index < this.hostCount; index += 1) await this.request(index, message);
  }

  /** @throws {P2P_HASH_UNKNOWN} and what hashing throws */
  async hash(task: Omit<HashTask, 'mayBlock'>): Promise<HashTaskResult> {
    return (await this.#run({ ...task, mayBlock: this.#hosts.length === 0 })) as HashTaskResult;
  }

  /** Moves a database's log into the database, in whichever thread is free. */
  async checkpoint(databasePath: string): Promise<void> {
    const task: CheckpointTask = { type: 'checkpoint', databasePath };
    await this.#run(task);
  }

  /** Ends all threads: asked to stop first, ended after a second in any case. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearInterval(this.#refillTimer);
    for (const [timer, restart] of this.#restarts) {
      clearTimeout(timer);
      restart();
    }
    for (const { outbox } of this.#hosts) {
      outbox.push({ type: 'stop' });
      outbox.flush();
    }
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_PATIENCE_MS);
    });
    await Promise.race([Promise.all(this.#hosts.map((host) => host.ended)), patience]);
    clearTimeout(timer);
    for (const host of this.#hosts) host.port.close();
    for (const { reject } of this.#waiting.values()) reject(stopped());
    this.#waiting.clear();
    // A thread that is just dying would be replaced once more, after the end.
    this.#threads.piscina.options.minThreads = 0;
    await this.#threads.piscina.destroy();
  }

  /** @throws what the task threw, or {P2P_WORKER_LOST} */
  async #run(task: WorkerTask): Promise<unknown> {
    if (this.#closing) throw stopped();
    const outcome = await this.#threads.piscina.run(task).then(
      (value) => value as TaskOutcome,
      (error: unknown) => {
        throw this.#closing ? stopped() : died(error);
      },
    );
    if ('error' in outcome) throw P2pError.fromValue(outcome.error);
    return outcome.value;
  }

  /**
   * The thread that has least to do. A host never shares its thread with another one: when it is started anew, the other
   * threads have room, and the new one is not ready yet.
   */
  #pickThread<Each extends Thread>(isHost: boolean, threads: readonly Each[]): Each | null {
    let best: Each | null = null;
    for (const thread of threads) {
      const hasHost = this.#hostThreads.has(thread.id);
      const shortTasks = thread.currentUsage - (hasHost ? 1 : 0);
      if (isHost ? hasHost : shortTasks >= this.#threads.shortTasksMost) continue;
      if (!best || thread.currentUsage < best.currentUsage) best = thread;
    }
    if (isHost && best) this.#hostThreads.add(best.id);
    return best;
  }

  #startHosts(): void {
    if (this.#closing || this.#hosts.length > 0) return;
    for (let index = 0; index < this.#config.threads; index += 1) this.#hosts.push(this.#startHost(index));
  }

  #startHost(hostIndex: number, isReplacement = false, delayMs = 0): Host {
    const { port1, port2 } = new MessageChannel();
    const config: HostConfig = {
      hostIndex,
      hostCount: this.#config.threads,
      isReplacement,
      hashPluginUrls: this.#config.hashPluginUrls,
      memoryBytes: Math.floor((this.#config.memoryMiB * MIB) / this.#config.threads),
      openFiles: this.#config.openFiles,
      uploadBucket: this.#uploadBucket,
      downloadBucket: this.#downloadBucket,
      client: this.#config.client,
      localAddress: this.#config.localAddress,
    };
    const task: HostTask = { type: 'host', config, port: port2 };
    const ended = this.#wait(delayMs).then(() => this.#runHost(hostIndex, task));
    port1.on('message', (batch: readonly FromWorker[]) => {
      for (const message of batch) {
        if (message.type === 'reply') this.#handleReply(message);
        else this.#config.onMessage(hostIndex, message);
      }
      this.#config.onBatchEnd();
    });
    return { port: port1, outbox: new MessageBatch<ToWorker>(port1), ended };
  }

  /** Resolves when the host has ended; one that died is started again. */
  async #runHost(hostIndex: number, task: HostTask): Promise<void> {
    if (this.#closing) return;
    const startMs = performance.now();
    try {
      const options = { name: HOST_TASK_NAME, transferList: [task.port as MessagePort] };
      const outcome = (await this.#threads.piscina.run(task, options)) as TaskOutcome;
      if (!('error' in outcome)) return;
      this.#hostThreads.delete(outcome.threadId);
      throw P2pError.fromValue(outcome.error);
    } catch (error) {
      const lifeMs = performance.now() - startMs;
      this.#handleHostLost(hostIndex, error, lifeMs < SHORT_LIFE_MS ? SHORT_LIFE_MS : 0);
    }
  }

  async #wait(delayMs: number): Promise<void> {
    if (delayMs === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#restarts.delete(timer);
        resolve();
      }, delayMs);
      this.#restarts.set(timer, resolve);
    });
  }

  #handleReply(reply: Extract<FromWorker, { type: 'reply' }>): void {
    const waiting = this.#waiting.get(reply.requestId);
    this.#waiting.delete(reply.requestId);
    if (reply.error) waiting?.reject(P2pError.fromValue(reply.error));
    else waiting?.resolve(reply.value);
  }

  #handleHostLost(hostIndex: number, error: unknown, delayMs: number): void {
    for (const [requestId, waiting] of this.#waiting) {
      if (waiting.hostIndex !== hostIndex) continue;
      this.#waiting.delete(requestId);
      waiting.reject(died(error));
    }
    if (this.#closing) return;
    this.#hosts[hostIndex]?.port.close();
    this.#hosts[hostIndex] = this.#startHost(hostIndex, true, delayMs);
    this.#config.onHostLost(hostIndex, toErrorValue(error));
  }

  #startRefill(): void {
    const limits = [
      [new SharedTokenBucket(this.#uploadBucket), this.#config.uploadLimitBytesPerSec],
      [new SharedTokenBucket(this.#downloadBucket), this.#config.downloadLimitBytesPerSec],
    ] as const;
    if (limits.every(([, rate]) => rate === undefined)) return;
    for (const [bucket, rate] of limits) if (rate !== undefined) bucket.refill(rate, 0);
    let lastMs = performance.now();
    this.#refillTimer = setInterval(() => {
      const nowMs = performance.now();
      for (const [bucket, rate] of limits) if (rate !== undefined) bucket.refill(rate, nowMs - lastMs);
      lastMs = nowMs;
    }, REFILL_MS);
  }
}

function stopped(): P2pError {
  return new P2pError('P2P_WORKER_LOST', 'the worker threads were stopped');
}

function died(error: unknown): P2pError {
  return new P2pError('P2P_WORKER_LOST', 'a worker thread died', {}, error);
}
