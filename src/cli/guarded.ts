import { defaultGrpcRetryOptions, makeGrpcRetryInterceptor, type ConnectionOptions } from '@temporalio/client';

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type Call = ReturnType<Parameters<Interceptor>[1]>;

/** Of gRPC: a call that is not tried again. */
const cancelled = 1;

/**
 * Calls of a connection, tried again as ever until it closes. A call that waits to be tried again when the connection closes
 * would find the channel shut, in a timer where nobody can catch that, and end the process; here it ends as cancelled.
 */
export function guardedCalls(): { readonly interceptors: Interceptor[]; close(): void } {
  let closed = false;
  const guard: Interceptor = (options, nextCall) => (closed ? endedCall() : nextCall(options)) as ReturnType<Interceptor>;
  return { interceptors: [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), guard], close: () => { closed = true; } };
}

function endedCall(): Call {
  const nothing = (): void => undefined;
  return {
    start(metadata, listener) {
      setImmediate(() => {
        listener?.onReceiveMessage?.(null);
        listener?.onReceiveStatus?.({ code: cancelled, details: 'the connection was closed', metadata });
      });
    },
    cancelWithStatus: nothing, sendMessage: nothing, sendMessageWithContext: nothing, startRead: nothing, halfClose: nothing,
    getPeer: () => '', getAuthContext: () => null,
  };
}
