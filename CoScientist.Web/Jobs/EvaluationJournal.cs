using System.Text;
using System.Text.Json;
using CoScientist.Core.Evaluations;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;

namespace CoScientist.Web.Jobs;

/// <summary>Writes an evaluation's files, one process at a time: the lock is let go of when the process ends, however it ends.</summary>
internal sealed class EvaluationJournal : IDisposable
{
    private const string LockFile = "evaluation.lock";

    private readonly EvaluationFolder folder;
    private readonly FileStream held;

    private EvaluationJournal(EvaluationFolder folder, FileStream held) => (this.folder, this.held) = (folder, held);

    /// <summary>Takes the folder for writing, creating it when it is not there, and drops lines that a stop cut off.</summary>
    /// <exception cref="InvalidDataException">Another process has it.</exception>
    public static EvaluationJournal Open(EvaluationFolder folder)
    {
        Directory.CreateDirectory(folder.Path);
        FileStream file;
        try
        {
            file = new FileStream(folder.File(LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException fault) when (fault.GetType() == typeof(IOException))
        {
            // Derived types say that the path is at fault, the plain one that somebody has the file.
            throw new InvalidDataException($"Another process is working on {folder.Path}: wait for it, or choose another --name.", fault);
        }

        foreach (var name in new[] { EvaluationFolder.PlansFile, EvaluationFolder.GradingsFile, EvaluationFolder.PairsFile })
        {
            DropTornLine(folder.File(name));
        }

        return new EvaluationJournal(folder, file);
    }

    /// <summary>Writes down what the evaluation is about. The specification comes last: with it the evaluation exists.</summary>
    public void Begin(EvaluationSpec spec, EvaluationData data)
    {
        AtomicFile.WriteAllText(folder.File(EvaluationFolder.DataFile), JsonSerializer.Serialize(data, RunFolder.LineOptions));
        AtomicFile.WriteAllText(folder.File(EvaluationFolder.SpecFile), JsonSerializer.Serialize(spec, RunSpec.JsonOptions));
    }

    /// <summary>Adds lines to a file and hands them to the operating system before it returns.</summary>
    public void Append<T>(string name, IEnumerable<T> rows)
    {
        var text = string.Concat(rows.Select(row => JsonSerializer.Serialize(row, RunFolder.LineOptions) + "\n"));
        using var stream = new FileStream(folder.File(name), FileMode.Append, FileAccess.Write, FileShare.Read);
        stream.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();

    private static void DropTornLine(string file)
    {
        if (!File.Exists(file))
        {
            return;
        }

        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
        var end = stream.Length;
        while (end > 0)
        {
            stream.Position = end - 1;
            if (stream.ReadByte() == '\n')
            {
                break;
            }

            end--;
        }

        stream.SetLength(end);
    }
}
