namespace CoScientist.Training.Sampling;

/// <summary>A request that joins a batch while it runs, with options of its own. What it draws is what it would draw alone.</summary>
/// <param name="Request">The prompt; one sample from it.</param>
/// <param name="Options">How its tokens are drawn.</param>
/// <param name="OnToken">Called with each token and its log-probability as soon as it is drawn, on a thread of the engine: it must be quick and must not throw.</param>
/// <param name="OnDone">Called with the whole when it is done, likewise.</param>
/// <param name="OnRefused">Called instead when it makes no sense for the model.</param>
/// <param name="Cancelled">Ends it after the next token.</param>
public sealed record LiveRequest(SampleRequest Request, SamplingOptions Options, Action<int, float> OnToken, Action<SampledSequence> OnDone, Action<Exception> OnRefused, CancellationToken Cancelled);
