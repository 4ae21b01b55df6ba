/**
 * The main thread's end of the worker threads: one Piscina pool, one long host task and one message port for each thread,
 * short hashing tasks beside them. Nothing here sees payload.
 *
 * Piscina is used in the one way that suits threads with sockets (docs/design notes in ARCHITECTURE.md, Threads): a
 * fixed number of threads, `atomics: 'disabled'` (otherwise an idle thread is parked and its sockets freeze), and no
 * AbortSignal on any task (an aborted task's thread is killed).
 */
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

import { Piscina } from 'piscina';

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
  ToWorker,
} from './worker-messages.js';

const REFILL_MS = 25;
const CLOSE_PATIENCE_MS = 1_000;
const MIB = 1_048_576;

export interface WorkerPoolConfig {
  readonly threads: number;
  readonly memoryMiB: number;
  readonly openFiles: number;
  readonly hashPluginUrls: readonly string[];
  readonly client: string;
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
  readonly #piscina: Piscina;
  readonly #hosts: Host[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #uploadBucket = SharedTokenBucket.allocate();
  readonly #downloadBucket = SharedTokenBucket.allocate();
  #refillTimer: NodeJS.Timeout | undefined;
  #requestSerial = 0;
  #isClosing = false;

  constructor(config: WorkerPoolConfig) {
    this.#config = config;
    this.#piscina = new Piscina({
      filename: new URL('./worker-main.js', import.meta.url).href,
      minThreads: config.threads,
      maxThreads: config.threads,
      // One place for the host, the others for hashing.
      concurrentTasksPerWorker: 1 + Math.max(2, Math.ceil((2 * availableParallelism()) / config.threads)),
      atomics: 'disabled',
      idleTimeout: Number.POSITIVE_INFINITY,
    });
    // A thread that dies outside a task says so here; its host task rejects too, which is where it is handled.
    this.#piscina.on('error', () => undefined);
    for (let index = 0; index < config.threads; index += 1) this.#hosts.push(this.#startHost(index));
    this.#startRefill();
  }

  get hostCount(): number {
    return this.#hosts.length;
  }

  send(hostIndex: number, message: ToWorker): void {
    this.#hosts[hostIndex]?.outbox.push(message);
  }

  broadcast(message: ToWorker): void {
    for (const host of this.#hosts) host.outbox.push(message);
  }

  /**
   * Sends a request and waits for its reply.
   * @throws what the worker answered, or {P2P_WORKER_LOST}
   */
  request(hostIndex: number, message: WithoutId<RequestMessage>): Promise<number | undefined> {
    const requestId = (this.#requestSerial += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { hostIndex, resolve, reject });
      this.send(hostIndex, { ...message, requestId });
    });
  }

  /** The same request to every worker, one after the other (a disk flushes better alone). */
  async requestEach(message: WithoutId<RequestMessage>): Promise<void> {
    for (let index = 0; index < this.#hosts.length; index += 1) await this.request(index, message);
  }

  /** @throws {P2P_HASH_UNKNOWN} and what hashing throws */
  async hash(task: HashTask): Promise<HashTaskResult> {
    return (await this.#piscina.run(task)) as HashTaskResult;
  }

  /** Moves a database's log into the database, in whichever thread is free. */
  async checkpoint(databasePath: string): Promise<void> {
    const task: CheckpointTask = { type: 'checkpoint', databasePath };
    await this.#piscina.run(task);
  }

  /** Ends all threads: asked to stop first, ended after a second in any case. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    clearInterval(this.#refillTimer);
    this.broadcast({ type: 'stop' });
    for (const host of this.#hosts) host.outbox.flush();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_PATIENCE_MS);
    });
    await Promise.race([Promise.all(this.#hosts.map((host) => host.ended)), patience]);
    clearTimeout(timer);
    for (const host of this.#hosts) host.port.close();
    for (const { reject } of this.#waiting.values())
      reject(new P2pError('P2P_WORKER_LOST', 'the worker threads were stopped'));
    this.#waiting.clear();
    await this.#piscina.destroy();
  }

  #startHost(hostIndex: number): Host {
    const { port1, port2 } = new MessageChannel();
    const config: HostConfig = {
      hostIndex,
      hostCount: this.#config.threads,
      hashPluginUrls: this.#config.hashPluginUrls,
      memoryBytes: Math.floor((this.#config.memoryMiB * MIB) / this.#config.threads),
      openFiles: this.#config.openFiles,
      uploadBucket: this.#uploadBucket,
      downloadBucket: this.#downloadBucket,
      client: this.#config.client,
    };
    const task: HostTask = { type: 'host', config, port: port2 };
    const running = this.#piscina.run(task, { transferList: [port2] }) as Promise<unknown>;
    const ended = running.then(
      () => undefined,
      (error: unknown) => {
        this.#handleHostLost(hostIndex, error);
      },
    );
    port1.on('message', (batch: readonly FromWorker[]) => {
      for (const message of batch) {
        if (message.type === 'reply') this.#handleReply(message);
        else this.#config.onMessage(hostIndex, message);
      }
      this.#config.onBatchEnd();
    });
    return { port: port1, outbox: new MessageBatch<ToWorker>(port1), ended };
  }

  #handleReply(reply: Extract<FromWorker, { type: 'reply' }>): void {
    const waiting = this.#waiting.get(reply.requestId);
    this.#waiting.delete(reply.requestId);
    if (reply.error) waiting?.reject(P2pError.fromValue(reply.error));
    else waiting?.resolve(reply.value);
  }

  #handleHostLost(hostIndex: number, error: unknown): void {
    for (const [requestId, waiting] of this.#waiting) {
      if (waiting.hostIndex !== hostIndex) continue;
      this.#waiting.delete(requestId);
      waiting.reject(new P2pError('P2P_WORKER_LOST', 'a worker thread died', {}, error));
    }
    if (this.#isClosing) return;
    this.#hosts[hostIndex]?.port.close();
    this.#hosts[hostIndex] = this.#startHost(hostIndex);
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
