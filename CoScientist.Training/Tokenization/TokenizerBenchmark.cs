using System.Diagnostics;
using System.Text;

namespace CoScientist.Training.Tokenization;

/// <summary>What a benchmark of a tokenizer measured, on one thread.</summary>
/// <param name="Bytes">Bytes of the text, in UTF-8.</param>
/// <param name="Tokens">Its tokens.</param>
/// <param name="Rounds">How often it was encoded, after once to warm up.</param>
/// <param name="MegabytesPerSecond">10⁶ bytes encoded per second of processor time: the median round.</param>
/// <param name="TokensPerSecond">Tokens per second of processor time, likewise.</param>
/// <param name="LoadSeconds">Processor time of reading the tokenizer's file.</param>
public sealed record TokenizerBenchmarkResult(long Bytes, int Tokens, int Rounds, double MegabytesPerSecond, double TokensPerSecond, double LoadSeconds);

/// <summary>Measures how fast a tokenizer encodes a text.</summary>
public static class TokenizerBenchmark
{
    /// <summary>Encodes the whole text again and again.</summary>
    /// <param name="tokenizerPath">A <c>tokenizer.json</c>.</param>
    /// <param name="textPath">A text file in UTF-8.</param>
    /// <param name="duration">How long to measure.</param>
    /// <param name="cancellationToken">Stops between rounds.</param>
    /// <exception cref="InvalidDataException">The tokenizer is none, or the text is empty.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static TokenizerBenchmarkResult Run(string tokenizerPath, string textPath, TimeSpan duration, CancellationToken cancellationToken)
    {
        var start = ProcessorTime();
        var tokenizer = BpeTokenizer.Load(tokenizerPath);
        var load = ProcessorTime() - start;
        var text = File.ReadAllText(textPath);
        if (text.Length == 0)
        {
            throw new InvalidDataException($"{textPath} is empty; give a text of some megabytes.");
        }

        var tokens = tokenizer.Encode(text).Length;
        var seconds = new List<double>();
        for (var clock = Stopwatch.StartNew(); seconds.Count < 3 || clock.Elapsed < duration;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            start = ProcessorTime();
            tokenizer.Encode(text);
            seconds.Add(ProcessorTime() - start);
        }

        seconds.Sort();
        var median = Math.Max(seconds[seconds.Count / 2], 1e-6);
        var bytes = Encoding.UTF8.GetByteCount(text);
        return new TokenizerBenchmarkResult(bytes, tokens, seconds.Count, bytes / median / 1e6, tokens / median, load);
    }

    private static double ProcessorTime() => Environment.CpuUsage.TotalTime.TotalSeconds;
}
