using System.Text;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Tests.Training.Checkpoints;

namespace CoScientist.Tests.Core.Fuzzing;

/// <summary>All parsers of what others wrote, by name.</summary>
internal sealed partial class FuzzedParsers : IAsyncDisposable
{
    private readonly TemporaryFolder folder = new();
    private TestDatabase? database;
    private ScriptedModelServer? server;

    /// <summary>Their names by groups.</summary>
    public static IReadOnlyList<(string Name, string[] Parsers)> Groups { get; } =
    [
        ("papers", ["a.nxml", "a.tei.xml", "a.md", "a.txt", "a.tex", "a.tar", "a.tgz", "a.tar.gz", "a.tex.gz", "s2orc.json", "peerread.json", "a.pdf"]),
        ("weights", ["safetensors", "gguf", "index", "manifest", "config", "adapter"]),
        ("tokenizers", ["tokenizer", "template", "settings", "generation"]),
        ("specifications", ["specification", "set", "backup", "metrics", "samples", "evaluation", "events", "plans"]),
        ("gradings", ["grading", "comparison", "plan", "insights", "answer", "notes", "verl", "request"]),
        ("csv", ["d.csv", "d.jsonl", "decisions.csv", "decisions.jsonl", "answers.csv", "answers.jsonl", "plans.jsonl", "rubric"]),
        ("links", ["links", "search"]),
    ];

    /// <summary>Prepares one.</summary>
    public async Task<FuzzedParser> MakeAsync(string name) => name switch
    {
        _ when Groups[0].Parsers.Contains(name, StringComparer.Ordinal) => Paper(name),
        _ when Groups[1].Parsers.Contains(name, StringComparer.Ordinal) => Weights(name),
        _ when Groups[2].Parsers.Contains(name, StringComparer.Ordinal) => Tokens(name),
        _ when Groups[3].Parsers.Contains(name, StringComparer.Ordinal) => Specification(name),
        _ when Groups[4].Parsers.Contains(name, StringComparer.Ordinal) => await AnswerAsync(name),
        _ when Groups[5].Parsers.Contains(name, StringComparer.Ordinal) => await TableAsync(name),
        _ => await LinkAsync(name),
    };

    public async ValueTask DisposeAsync()
    {
        folder.Dispose();
        await (database?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (server?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    private static byte[][] Texts(params string[] texts) => [.. texts.Select(Encoding.UTF8.GetBytes)];

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private static bool Nothing(Exception fault) => false;

    private bool IsOfFile(Exception fault) => fault is InvalidDataException && fault.Message.Contains(folder.Path, StringComparison.Ordinal);

    /// <summary>A parser of a file of this name.</summary>
    private FuzzedParser OfFile(string name, byte[][] seeds, Func<string, bool> read)
    {
        var path = folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return new FuzzedParser(
            seeds,
            bytes =>
            {
                File.WriteAllBytes(path, bytes);
                return read(path);
            },
            IsOfFile);
    }
}
