using System.Collections.Concurrent;
using CoScientist.Training.Chat;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Tokenization;

namespace CoScientist.Web.Serving;

/// <summary>A checkpoint that answers requests of other programs: they join one running batch as they come, and wait in a bounded queue.</summary>
internal sealed class ServedModel : IDisposable
{
    /// <summary>Most requests that wait or run.</summary>
    public const int MostRequests = 64;

    private readonly CpuEngine engine;
    private readonly ChatFormat? chat;
    private readonly CompactProtocol? compact;
    private readonly ConcurrentQueue<LiveRequest> arrived = new();
    private readonly SemaphoreSlim signal = new(0);
    private readonly CancellationTokenSource stop = new();
    private readonly Thread worker;
    private readonly ConcurrentDictionary<LiveRequest, bool> running = new(ReferenceEqualityComparer.Instance);
    private int open;

    /// <summary>Starts to serve a checkpoint.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="engine">Its weights; disposed with this.</param>
    /// <param name="chat">How it is spoken to; null for a model of the sandbox, which takes the last message as a goal and answers with a plan.</param>
    public ServedModel(string name, CpuEngine engine, ChatFormat? chat)
    {
        (Name, this.engine, this.chat) = (name, engine, chat);
        compact = chat is null ? new CompactProtocol(engine.Tokenizer) : null;
        worker = new Thread(Work) { IsBackground = true, Name = $"serving {name}" };
        worker.Start();
    }

    /// <summary>Name in requests.</summary>
    public string Name { get; }

    /// <summary>Most tokens of a prompt and its answer together.</summary>
    public int Positions => engine.Config.MaxPositions;

    /// <summary>The tokenizer.</summary>
    public BpeTokenizer Tokenizer => engine.Tokenizer;

    /// <summary>A conversation in tokens.</summary>
    public int[] Prompt(IReadOnlyList<ChatMessage> messages) => chat is null ? compact!.WritePrompt(messages[^1].Content) : chat.Prompt(messages);

    /// <summary>A text in tokens, as it stands.</summary>
    /// <exception cref="ChatRequestException">It names a token that the model does not have.</exception>
    public int[] Prompt(RawPrompt raw)
    {
        if (raw.Tokens is { } given)
        {
            return given.All(token => token < engine.Config.VocabularySize)
                ? given
                : throw new ChatRequestException(StatusCodes.Status400BadRequest, $"'prompt' names a token that the model does not have: it has {engine.Config.VocabularySize}.", "prompt");
        }

        var tokens = engine.Tokenizer.Encode([new TextSegment(raw.Text!, IsContent: false)]);
        return tokens.Length > 0 ? tokens : throw new ChatRequestException(StatusCodes.Status400BadRequest, "'prompt' is empty.", "prompt");
    }

    /// <summary>How tokens are drawn; end tokens and tokens without a place in answers are the model's own.</summary>
    public SamplingOptions Options(SamplingOptions asked) => chat is null
        ? asked with { EndTokens = [compact!.EndToken], BannedTokens = compact.NotInPlans }
        : asked with { EndTokens = chat.EndTokens, BannedTokens = chat.NeverSampled };

    /// <summary>Turns tokens into text as they come.</summary>
    public AnswerText Text(IReadOnlyList<string> stops) => new(engine.Tokenizer, chat?.EndTokens ?? [compact!.EndToken], stops, trim: chat is null);

    /// <summary>Puts requests into the batch, all or none; false when too many wait already.</summary>
    public bool TryAdd(IReadOnlyList<LiveRequest> requests)
    {
        if (Interlocked.Add(ref open, requests.Count) > MostRequests)
        {
            Leave(requests.Count);
            return false;
        }

        foreach (var request in requests)
        {
            arrived.Enqueue(request);
        }

        signal.Release();
        return true;
    }

    /// <summary>Says that requests that were taken are over, however they ended.</summary>
    public void Leave(int requests) => Interlocked.Add(ref open, -requests);

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Cancel();
        signal.Release();
        worker.Join();
        engine.Dispose();
        stop.Dispose();
        signal.Dispose();
    }

    private void Work()
    {
        while (true)
        {
            signal.Wait();
            if (stop.IsCancellationRequested)
            {
                return;
            }

            try
            {
                engine.SampleLive(Arrived, stop.Token);
            }
#pragma warning disable CA1031 // Whatever it is: those who wait must hear of it, and the next requests find the model at work.
            catch (Exception fault)
#pragma warning restore CA1031
            {
                foreach (var request in running.Keys)
                {
                    running.TryRemove(request, out _);
                    request.OnRefused(fault);
                }
            }
        }
    }

    private List<LiveRequest> Arrived()
    {
        var requests = new List<LiveRequest>();
        while (arrived.TryDequeue(out var request))
        {
            running.TryAdd(request, true);
            requests.Add(request with
            {
                OnDone = whole =>
                {
                    running.TryRemove(request, out _);
                    request.OnDone(whole);
                },
            });
        }

        return requests;
    }
}

/// <summary>The text of an answer as it grows. What may turn out to be a stop string, or white space at the end, is held back.</summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="ends">Tokens that end the answer and are no part of it.</param>
/// <param name="stops">Stop strings.</param>
/// <param name="trim">Whether white space around the answer is no part of it.</param>
internal sealed class AnswerText(BpeTokenizer tokenizer, int[] ends, IReadOnlyList<string> stops, bool trim)
{
    private readonly StreamingDecoder decoder = new(tokenizer, skipSpecial: false);
    private readonly int held = stops.Count == 0 ? 0 : stops.Max(stop => stop.Length) - 1;
    private readonly System.Text.StringBuilder text = new();
    private int told;

    /// <summary>Takes a token; the text that is certain since the last call.</summary>
    public string Take(int token)
    {
        // A stop string that this token completes begins at most so far before it; and no earlier token completed one.
        var certain = text.Length - held;
        if (!ends.Contains(token))
        {
            var piece = decoder.Append(token);
            text.Append(trim && text.Length == 0 ? piece.TrimStart() : piece);
        }

        certain = stops.Count == 0 ? text.Length : certain;
        while (certain > told && (char.IsWhiteSpace(text[certain - 1]) || char.IsHighSurrogate(text[certain - 1])))
        {
            certain--;
        }

        return certain > told ? Tell(certain) : "";
    }

    /// <summary>Ends the text; what was held back of it.</summary>
    /// <param name="beforeStop">The text up to a stop string, when one ended it.</param>
    public string End(string? beforeStop)
    {
        text.Append(decoder.Flush());
        var whole = beforeStop ?? text.ToString();
        whole = trim ? whole.Trim() : whole;
        return whole.Length > told ? whole[told..] : "";
    }

    private string Tell(int until)
    {
        var piece = text.ToString(told, until - told);
        told = until;
        return piece;
    }
}
