package org.lrfinder.internal.nativecore;

/** What the native core throws: {@code lrfinder::Error} with its kind. Unchecked. */
public final class NativeCoreException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why the call failed, as {@code lrfinder::ErrorKind}. */
  public enum Kind {
    /** Models, tensors or settings that cannot be swept; nothing was changed. */
    INVALID_ARGUMENT,
    /** libtorch could not allocate. */
    OUT_OF_MEMORY,
    /** libtorch or the model's own code failed. */
    FAILURE,
    /** Another process of the group failed, ended or does not answer. */
    PEER
  }

  private final Kind kind;

  /**
   * Called by the JNI library.
   *
   * @param tagged the message behind the character of its kind
   */
  public NativeCoreException(String tagged) {
    super(tagged.substring(1));
    kind =
        switch (tagged.charAt(0)) {
          case 'I' -> Kind.INVALID_ARGUMENT;
          case 'M' -> Kind.OUT_OF_MEMORY;
          case 'P' -> Kind.PEER;
          default -> Kind.FAILURE;
        };
  }

  /** {@return why the call failed} */
  public Kind kind() {
    return kind;
  }
}
