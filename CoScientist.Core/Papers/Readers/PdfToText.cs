using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace CoScientist.Core.Papers.Readers;

/// <summary>
/// Runs poppler's <c>pdftotext -bbox-layout</c>: words with their places on the page. A program of its own reads the hostile
/// format; it is started without a shell and stopped when it takes too long, too much memory, or writes too much.
/// </summary>
/// <param name="program">Name of the program, looked up in PATH only.</param>
internal sealed class PdfToText(string program)
{
    private const int MaxPages = 400;
    private const int MaxCharacters = 96 * 1024 * 1024;
    private const long MaxMemoryBytes = 1024L * 1024 * 1024;
    private const int PollMilliseconds = 100;
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(60);

    /// <summary>The pages as XHTML.</summary>
    /// <exception cref="PaperFormatException">The program is missing, or cannot read the file within its bounds.</exception>
    public string Run(string fileName, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var executable = Find() ?? throw new PaperFormatException(fileName, $"PDF is read with '{program}', which is not installed on the server. Install it (Debian, Ubuntu: apt-get install poppler-utils; macOS: brew install poppler), or bring the paper as JATS XML, TEI or TeX source.");
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, content.Span);
            return Run(fileName, executable, path, cancellationToken);
        }
        finally
        {
            File.Delete(path);
        }
    }

    // Never the current folder: what lies there may have been uploaded.
    private string? Find()
    {
        var name = OperatingSystem.IsWindows() ? program + ".exe" : program;
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Where(Path.IsPathRooted);
        return folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    private static string Run(string fileName, string executable, string path, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(executable, ["-bbox-layout", "-enc", "UTF-8", "-l", $"{MaxPages}", path, "-"])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        using var process = Process.Start(start) ?? throw new PaperFormatException(fileName, $"'{executable}' could not be started.");
        try
        {
            var output = Task.Run(() => ReadAtMost(process.StandardOutput, MaxCharacters), CancellationToken.None);
            var errors = Task.Run(() => ReadAtMost(process.StandardError, 4096), CancellationToken.None);
            var watch = Stopwatch.StartNew();
            while (!process.WaitForExit(PollMilliseconds))
            {
                cancellationToken.ThrowIfCancellationRequested();
                process.Refresh();
                if (watch.Elapsed > MaxTime || WorkingSet(process) > MaxMemoryBytes || (output.IsCompleted && output.Result is null))
                {
                    throw new PaperFormatException(fileName, "its text cannot be taken out within a minute, a gigabyte of memory and a hundred megabytes of text, as every paper's can. Save the PDF again, or bring the paper in another format.");
                }
            }

            if (process.ExitCode == 0 && output.Result is { } text)
            {
                return text;
            }

            var reason = PaperDraft.CleanLine(errors.Result ?? "");
            throw new PaperFormatException(fileName, $"its text cannot be taken out ({(reason.Length > 0 ? reason : $"exit code {process.ExitCode}")}). It may be damaged, cut off or locked by a password.");
        }
        finally
        {
            Stop(process);
        }
    }

    private static long WorkingSet(Process process)
    {
        try
        {
            return process.WorkingSet64;
        }
        catch (InvalidOperationException)
        {
            // It has ended in between.
            return 0;
        }
    }

    private static void Stop(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception fault) when (fault is InvalidOperationException or Win32Exception)
        {
            // It has ended already.
        }
    }

    // Null when there is more; the rest is left unread, so that the program waits until it is stopped.
    private static string? ReadAtMost(StreamReader reader, int characters)
    {
        var result = new StringBuilder();
        var buffer = new char[32_768];
        int read;
        while ((read = reader.Read(buffer)) > 0)
        {
            if (result.Length + read > characters)
            {
                return null;
            }

            result.Append(buffer, 0, read);
        }

        return result.ToString();
    }
}
